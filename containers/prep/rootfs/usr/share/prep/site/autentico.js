// Compares the manifest that this mirror serves with the digest that it states. Only the institute's proves more.

import {byId, setText} from './dom.js';
import {get, readStatus, retry, sha256} from './data.js';
import {date, time} from './format.js';
import {introduce} from './place.js';

// `style`: whether that is `good` or `bad`, or neither.
function tell(style, text) {
  byId('verdict').className = `verdict ${style}`;
  setText('verdict', text);
  return true;
}

async function compare(isLast) {
  // a request that is lost is made again, but not one for which the visitor waited long
  const lost = error => {
    console.error(error);
    isLast = isLast || error.name === 'AbortError';
  };
  const [status, manifest] = await Promise.all([readStatus(), get('corte.json').then(response => response.arrayBuffer())]
    .map(each => each.catch(lost)));
  if (!manifest && !isLast) return;
  const found = await sha256(manifest);
  setText('digest', found);
  if (!status && !isLast) return;
  if (!status) return tell('', 'No se pudo leer lo que este sitio declara (estado.json). Compare este SHA-256 con el del Instituto.');
  const {shown} = status;
  if (!shown) return tell('bad', '✗ Este sitio aún no publica ningún corte.');
  const isSame = shown.manifest_sha256 === found;
  if (!isSame && !isLast) return; // a new corte arrived in between, or a cache on the way keeps one of the two
  setText('corte', `Corte ${shown.sequence}, ${date(shown.corte)}, ${time(shown.corte)}. Firmado por ${shown.signer}.`);
  setText('command', byId('command').textContent.replace('FIRMANTE', shown.signer).replace('ELECCION', status.election));
  return isSame
    ? tell('good', '✓ El manifiesto es el que este sitio declara. Ahora compárelo con el del Instituto.')
    : tell('bad', '✗ El manifiesto no es el que este sitio declara. Consulte otro difusor oficial.');
}

// The corte's head tells how its clocks go, and so comes first.
introduce().then(() => retry(compare)).catch(error => {
  console.error(error);
  tell('', 'No se pudo calcular aquí. Compruébelo con los pasos de abajo.');
});
