// The files to download, and how to verify that the institute published them.

import {sha256} from './data.js';
import {h, heading, section} from './dom.js';
import {bytes, date, time} from './format.js';

export function downloadsView(head) {
  const example = head.descargas[0] ? fileName(head.descargas[0]) : 'ARCHIVO';
  return [
    heading(`Corte de las ${time(head.corte)} del ${date(head.corte)}`, 'Base de datos'),
    h('p', {class: 'prose'}, 'Estos archivos contienen todas las actas del corte, con los mismos datos que este sitio. ',
      'Cada corte sustituye al anterior; el nombre de cada archivo lleva la fecha y la hora del suyo.'),
    h('ul', {class: 'downloads'}, head.descargas.map(file =>
      h('li', {},
        h('h2', {}, file.contenido),
        h('p', {}, h('a', {class: 'button', href: file.archivo, download: true},
          `Descargar ${file.archivo.endsWith('.zip') ? 'ZIP' : 'CSV'}`, h('span', {}, bytes(file.bytes)))),
        h('p', {class: 'file'}, fileName(file)),
        h('p', {class: 'digest'}, 'SHA-256 ', h('code', {}, file.sha256))))),
    h('div', {class: 'columns'},
      section('verify', 'guide', 'Cómo comprobar un archivo',
        h('p', {}, 'Si cambia un solo carácter, el SHA-256 es otro. Calcule el de su copia y compárelo con el de arriba.'),
        checker(head.descargas),
        h('dl', {class: 'commands'}, [
          ['Windows (PowerShell)', 'Get-FileHash'],
          ['macOS', 'shasum -a 256'],
          ['Linux', 'sha256sum'],
        ].map(([system, program]) => [h('dt', {}, system), h('dd', {}, h('code', {}, `${program} ${example}`))])),
        h('p', {}, 'El archivo ', h('a', {href: 'corte.json'}, 'corte.json'), ' enumera todos los archivos de este corte con su SHA-256, y ',
          h('a', {href: 'corte.json.sig'}, 'corte.json.sig'), ' es la firma del Instituto sobre esa lista.')),
      h('section', {class: 'guide', 'aria-labelledby': 'contents'},
        h('h2', {id: 'contents'}, 'Qué contienen'),
        h('p', {}, 'Texto UTF-8 separado por comas. Primero el nombre de la elección, el corte y los totales; después, un renglón por acta registrada: ',
          'casilla, votos de cada partido y combinación, observaciones, fecha y hora de acopio, captura y verificación, y el código de integridad de su imagen.'),
        h('p', {}, 'El ZIP reúne los demás archivos, el catálogo de candidaturas y un LEEME con la descripción del formato.'))),
  ];
}

const fileName = file => file.archivo.split('/').pop();

function checker(files) {
  if (!globalThis.crypto?.subtle) return null;
  const verdict = h('p', {class: 'verdict', role: 'status'});
  const check = async event => {
    const [file] = event.target.files;
    if (!file) return;
    const hex = await sha256(await file.arrayBuffer());
    const match = files.find(one => one.sha256 === hex);
    verdict.className = `verdict ${match ? 'good' : 'bad'}`;
    verdict.textContent = match
      ? `✓ Su copia es idéntica a ${fileName(match)}.`
      : `✗ ${file.name} no es ninguno de los archivos de este corte. Su SHA-256 es ${hex}`;
  };
  return h('div', {class: 'field check'},
    h('label', {for: 'file'}, 'Compruebe aquí su copia; no sale de su equipo'),
    h('input', {id: 'file', type: 'file', accept: '.zip,.csv', onchange: check}),
    verdict);
}
