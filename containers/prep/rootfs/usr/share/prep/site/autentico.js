// Compares the manifest that this mirror serves with the digest that it states. Only the institute's proves more.

import {byId, setText} from './dom.js';
import {readStatus, retry, sha256} from './data.js';
import {date, time} from './format.js';
import {introduce} from './place.js';

async function digest() {
  const response = await fetch('corte.json', {cache: 'no-cache'});
  if (!response.ok) throw Error(`corte.json: ${response.status}`);
  return sha256(await response.arrayBuffer());
}

function tell(good, text) {
  byId('verdict').className = `verdict ${good ? 'good' : 'bad'}`;
  setText('verdict', text);
  return true;
}

async function compare(isLast) {
  const [status, found] = await Promise.all([readStatus().catch(console.error), digest()]);
  setText('digest', found);
  if (!status) return tell(false, '✗ Este sitio no dice qué publica (su estado.json no responde). Compare este SHA-256 con el del Instituto.');
  const {shown} = status;
  if (!shown) return tell(false, '✗ Este sitio aún no publica ningún corte.');
  const isSame = shown.manifest_sha256 === found;
  if (!isSame && !isLast) return; // a new corte arrived in between, or a cache on the way keeps one of the two
  setText('corte', `Corte ${shown.sequence}, ${date(shown.corte)}, ${time(shown.corte)}. Firmado por ${shown.signer}.`);
  setText('command', byId('command').textContent.replace('FIRMANTE', shown.signer).replace('ELECCION', status.election));
  return isSame
    ? tell(true, '✓ El manifiesto es el que este sitio declara. Ahora compárelo con el del Instituto.')
    : tell(false, '✗ El manifiesto no es el que este sitio declara. Consulte otro difusor oficial.');
}

// The corte's head tells how its clocks go, and so comes first.
introduce().then(() => retry(compare)).catch(error => {
  console.error(error);
  tell(false, 'No se pudo calcular aquí. Compruébelo con los pasos de abajo.');
});
