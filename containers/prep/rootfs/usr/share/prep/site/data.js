// Reads the files of the corte, and never mixes two cortes on one page.

const ATTEMPTS = 4;

let clockOffset = 0;

// The present time by the server's clock, since a visitor's may be wrong.
export const now = () => Date.now() + clockOffset;

async function read(path) {
  const response = await fetch(path, {cache: 'no-cache'});
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  const sent = Date.parse(response.headers.get('Date'));
  // the header has whole seconds, and a cache on the way may add some
  if (sent) clockOffset = Math.abs(sent - Date.now()) > 30_000 ? sent - Date.now() : 0;
  return response.json();
}

// The mirror's public status (estado.json); at the root of the host even where the site is below a path.
export const readStatus = () => read('/.well-known/prep/estado.json');

// Which corte this is: time, window, labels and downloads.
export const readHead = () => read('datos/corte.json');

// By office, the number of the territory in which each section is.
export const readSections = () => read('datos/secciones.json');

// The head of the corte and the page of the office that `choose` takes from it (or none), both of the same corte.
export async function load(choose) {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const head = await readHead();
    const office = choose(head);
    const page = office && await read(office.archivo);
    if (!page || page.corte === head.corte) return {head, page};
    await pause(attempt);
  }
  throw new Error('Los archivos son de cortes distintos');
}

// The actas of a territory; null if a newer corte than the page announces has arrived in between.
export async function loadDetail(territory) {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const detail = await read(territory.detalle.archivo);
    if (detail.corte === territory.detalle.corte) return detail;
    if (detail.corte > territory.detalle.corte) return null;
    await pause(attempt);
  }
  throw new Error('Las actas son de otro corte');
}

const pause = attempt => new Promise(resolve => setTimeout(resolve, 1000 * 2 ** attempt));
