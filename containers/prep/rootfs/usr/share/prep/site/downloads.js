// The files to download, and how to verify that the institute published them.

import {sha256} from './data.js';
import {h, heading, section} from './dom.js';
import {bytes, date, link, time} from './format.js';

export function downloadsView(head) {
  const example = head.descargas[0] ? fileName(head.descargas[0]) : 'ARCHIVO';
  return [
    heading(`Corte de las ${time(head.corte)} del ${date(head.corte)}`, 'Base de datos'),
    h('p', {class: 'prose'}, 'Estos archivos contienen todas las actas del corte, con los mismos datos que este sitio. ',
      'Cada corte sustituye al anterior; el nombre de cada archivo lleva la fecha y la hora del suyo. Si una descarga falla, repítala en un minuto.'),
    h('ul', {class: 'downloads'}, head.descargas.map(file =>
      h('li', {},
        h('h2', {}, file.contenido),
        h('p', {}, h('a', {class: 'button', href: link(file.archivo), download: true},
          `Descargar ${file.archivo.split('.').pop().toUpperCase()}`, h('span', {}, bytes(file.bytes)))),
        h('p', {class: 'file'}, fileName(file)),
        h('p', {class: 'digest'}, 'SHA-256 ', h('code', {}, file.sha256))))),
    h('div', {class: 'columns'},
      section('verify', 'guide', 'Cómo comprobar un archivo',
        h('p', {}, 'Si cambia un solo carácter, el SHA-256 es otro. Calcule el de su copia y compárelo con el de arriba.'),
        checker(head),
        h('dl', {class: 'commands'}, [
          ['Windows (PowerShell)', 'Get-FileHash'],
          ['macOS', 'shasum -a 256'],
          ['Linux', 'sha256sum'],
        ].map(([system, program]) => [h('dt', {}, system), h('dd', {}, h('code', {}, `${program} ${example}`))])),
        h('p', {}, 'El archivo ', h('a', {href: 'corte.json'}, 'corte.json'), ' enumera todos los archivos de este corte con su SHA-256, y ',
          h('a', {href: 'corte.json.sig'}, 'corte.json.sig'), ' es la firma del Instituto sobre esa lista.')),
      section('contents', 'guide', 'Qué contienen',
        h('p', {}, 'Las tablas tienen un renglón por acta registrada; antes pueden ir la elección, el corte y los totales. ',
          'Cómo se llaman y se separan las columnas lo decide el Instituto; si hay un LEEME, las explica.'))),
  ];
}

const fileName = file => file.archivo.split('/').pop();

// Every file offered since the page was opened, by its SHA-256, with its corte: a copy may be of one that was replaced.
const offered = new Map();
let latest;
let copy = null; // the last that was chosen; what is said of it outlives a new corte

const verdict = h('p', {class: 'verdict', role: 'status'});
const check = h('div', {class: 'field check'},
  h('label', {for: 'file'}, 'Compruebe aquí su copia; no sale de su equipo'),
  h('input', {id: 'file', type: 'file', onchange: async ({target: {files: [file]}}) => {
    if (!file) return;
    const hex = await new Response(file).arrayBuffer().then(sha256).catch(console.error); // Safari 13 has no file.arrayBuffer
    copy = {name: file.name, hex};
    judge();
  }}),
  verdict);

function checker(head) {
  latest = head;
  for (const file of head.descargas) offered.set(String(file.sha256).toLowerCase(), {file, head});
  if (copy) judge();
  return window.crypto?.subtle && check;
}

function judge() {
  const {name, hex} = copy;
  const {file, head} = offered.get(hex) ?? {};
  verdict.className = `verdict ${file ? 'good' : 'bad'}`;
  verdict.textContent = file
    ? `✓ Su copia es idéntica a ${fileName(file)}${head === latest ? '' : `, del corte de las ${time(head.corte)}; ahora se muestra otro`}.`
    : hex ? `✗ ${name} no es ninguno de los archivos de este corte; puede ser de otro: el nombre lleva su hora. Su SHA-256 es ${hex}`
      : `No se pudo leer ${name}. Elíjalo otra vez, o use el programa de abajo.`;
}
