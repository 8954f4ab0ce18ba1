// Reads the files of the corte, and never mixes two cortes on one page.

import {link} from './format.js';

const ATTEMPTS = 5; // within 15 s: a cache on the way may keep a file for 10
const PATIENCE = 60_000; // milliseconds for a file, even on a slow network

let clockOffset = 0;

// The present time by the server's clock, since a visitor's may be wrong; not by that of a server, such as one that was
// paused, whose clock is before the instant of the corte that it shows.
export const now = corte => Date.now() + (Date.now() + clockOffset < Date.parse(corte) - 300_000 ? 0 : clockOffset);

// The answer with a file; it ends, also where none comes.
export async function get(path) {
  const stop = new AbortController();
  setTimeout(() => stop.abort(), PATIENCE);
  const asked = Date.now();
  const response = await fetch(link(path), {cache: 'no-cache', signal: stop.signal});
  if (!response.ok) throw Error(`${path}: ${response.status}`);
  const ahead = Date.now() - Date.parse(response.headers.get('Date'));
  // a cache on the way kept the answer so long; some state their own date, most that of the answer
  const kept = 1000 * response.headers.get('Age');
  // a phone that slept reads an answer that came long before
  if (Date.now() - asked < PATIENCE) clockOffset = ahead < -30_000 ? -ahead : ahead > kept + 30_000 ? kept - ahead : 0;
  return response;
}

const read = path => get(path).then(response => response.json());

// The mirror's status (estado.json), at the root of the host even where the site is below a path.
export const readStatus = () => read('/.well-known/prep/estado.json').then(status => status.gate && status, error => {
  if (/: 410$/.test(error.message)) return {gate: {state: 'revoked'}}; // the institute took this mirror off its list
  throw error;
});

// Which corte this is: time, window, labels and downloads.
export const readHead = () => read('datos/corte.json');

// By office, the number of the territory in which each section is.
export const readSections = () => read('datos/secciones.json');

// Tries until `attempt`, which is told whether it is the last, gives something.
export async function retry(attempt) {
  for (let count = 1; ; count++) {
    const found = await attempt(count === ATTEMPTS);
    if (found !== undefined) return found;
    if (count === ATTEMPTS) throw Error('Los archivos son de cortes distintos');
    await new Promise(resolve => setTimeout(resolve, 500 * 2 ** count));
  }
}

let odd; // the last corte whose totals did not agree in all tries: its makers' own fault, for which nobody waits again

// The head of the corte and the page of the office that `choose` takes from it (or none), both of the same corte. A
// corrected corte may keep its instant: by its totals a page is told that a cache on the way still has from before.
export const load = choose => retry(async isLast => {
  const head = await readHead();
  const office = choose(head);
  if (!office) return {head};
  const page = await read(office.archivo);
  if (page?.corte !== head.corte) return;
  page.clave = office.clave; // by which the page's links name it
  const known = office.totales ?? {};
  const name = `${head.corte} ${head.secuencia}`;
  if (Object.entries(page.totales ?? {}).some(([each, total]) => total - known[each]) && odd !== name) {
    if (!isLast) return;
    odd = name;
  }
  return {head, page};
});

// The actas of a territory; null if a newer corte than the page announces has arrived in between.
export const loadDetail = ({detalle: {archivo: file, corte}}) => retry(async () => {
  const detail = await read(file);
  if (detail.corte === corte) return detail;
  return detail.corte > corte ? null : undefined;
});

// Only HTTPS pages may compute it.
export async function sha256(content) {
  const digest = await crypto.subtle.digest('SHA-256', content);
  return [...new Uint8Array(digest)].map(byte => byte.toString(16).padStart(2, '0')).join('');
}
