// The page as a whole: which view, which corte, and when to look for the next one.

import {byId, fill, h, setText} from './dom.js';
import {load, now, readHead, readSections, readStatus} from './data.js';
import {ago, date, day, plain, time} from './format.js';
import {downloadsView} from './downloads.js';
import {showPlace} from './place.js';
import {labels, showEnvironment, showLabels} from './rehearsal.js';
import {electionView} from './views.js';

const LOOK = 60_000; // milliseconds between two looks for a new corte
const DATA = 'base-de-datos'; // the view with the downloads; every other is of an office

const pages = new Map();
let head = null;
let status = null;
let unreachable = false;
let confirmed = 0; // when this server last said that the corte on this page is its newest, by the visitor's clock
let asked = 0; // how often the status was asked for
let told = 0; // which of these answers is the latest that came
let missed = false; // whether there is a newer corte that could not be shown
let forgotten = ''; // the instant of the last withdrawal for which the page was loaded again
let former = null; // the head of an older corte that the mirror has begun to give, and `since` when
let rendering = 0;
let address = ''; // the last that names a view; a jump within the page does not
let presented = ''; // the address whose view is on the page
let seeking = 0; // how often the visitor searched, or went to a view
let sought = {}; // what a search leads to, until its view is shown

// What the visitor did in the view (searches, opened parts), kept when a new corte arrives.
const freshVisit = () => ({told: '', search: '', section: '', refresh: () => show({renew: true})});
let visit = freshVisit();

// The view that the address names.
function route() {
  if (!location.hash || location.hash.startsWith('#/')) address = location.hash;
  let [, view, id] = address.split('/');
  try { view = decodeURIComponent(view); } catch {} // a damaged link names no view
  return {view, id: Number(id || NaN)};
}

// The office that a view shows: the first where the address names none.
function officeOf(view, {elecciones: offices}) {
  return view === DATA ? undefined : offices.find(one => String(one.clave) === view) ?? offices[0];
}

// A corrected corte may keep its instant; its number is higher.
const isNewer = (one, than) => one.corte === than.corte ? one.secuencia - than.secuencia > 0 : one.corte > than.corte;

// Shows the view that the address names. After a failure the page stays, unless another view was asked for.
async function show({renew = false, arrived = false} = {}) {
  const turn = ++rendering;
  const {view, id} = route();
  const shown = head;
  let latest = head;
  try {
    let office = head && officeOf(view, head);
    let page = pages.get(office?.clave);
    const isLoaded = renew || !head || (office && page?.corte !== head.corte);
    if (isLoaded) {
      ({page} = await load(each => {
        office = officeOf(view, each);
        latest = each;
        return office;
      }));
      if (turn !== rendering) return;
      // a cache on the way may still answer with an older corte: ignore it
      if (shown && isNewer(shown, latest)) throw Error('Corte anterior al mostrado');
      unreachable = missed = false;
    }
    const isNew = shown && isNewer(latest, shown);
    present(latest, page, String(office?.clave) === view && id, arrived); // another office has other places
    if (isLoaded) confirmed = Date.now();
    if (isNew) pages.clear();
    if (page) pages.set(office.clave, page);
    if (isNew && renew) setText('announcement', `Nuevo corte: ${time(head.corte)}`);
  } catch (error) {
    if (turn !== rendering) return;
    console.error(error);
    unreachable = true;
    if (shown && isNewer(latest, shown)) missed = true;
    if (!renew || !shown || presented !== address) fail(arrived);
  }
  if (head) tabs(officeOf(view, head)?.clave ?? DATA);
  masthead();
}

// Shows a corte whole, or leaves the one before on the page: votes never stand below the hour of another corte.
function present(latest, page, id, arrived) {
  const shown = head;
  try {
    head = latest;
    showPlace(head);
    showCorte();
    const territory = page?.territorios.find(one => Number(one.id) === id);
    const view = page ? electionView(head, page, territory, visit) : downloadsView(head);
    document.title = [label()?.toUpperCase(), territory?.nombre, page?.corto ?? 'Base de datos', `PREP ${head.eleccion.entidad}`]
      .filter(Boolean).join(' · ');
    render(view, arrived);
    presented = address;
  } catch (error) {
    if (shown) showPlace(head = shown);
    throw error;
  }
}

function render(children, arrived) {
  const main = byId('contenido');
  fill(main, ...children.filter(Boolean));
  if (!arrived || document.activeElement.id === 'territory') return; // keep the focus of who moves through the list of territories
  const list = visit.search && main.querySelector('#territories'); // several have the name that was sought
  if (list || scrollY > main.offsetTop) (list || main).scrollIntoView();
  (list || main.querySelector('h1'))?.focus({preventScroll: true});
}

// Says why there are no results; where that stands there already, it is not told again.
function fail(arrived) {
  const [heading, ...children] = failure();
  if (!arrived && isMessage()?.dataset.heading === heading) return;
  render([h('div', {class: 'message', role: 'alert', 'data-heading': heading},
    h('h1', {tabindex: -1}, heading), children.map(each => h('p', {}, each)))], arrived);
}

// The heading and the paragraphs that stand in the place of results.
function failure() {
  const itself = 'Esta página se actualiza sola: no hace falta recargarla.';
  if (end()) return end();
  if (waits() && withdrawn().length) return ['Espere el siguiente corte', `El Instituto retiró el corte que se mostraba. ${itself}`];
  if (waits()) return ['Los resultados aún no se publican', `El primer corte llega en unos minutos. ${itself}`];
  return ['No fue posible cargar los resultados',
    'Puede ser su conexión, o que este sitio esté recibiendo un corte nuevo. La página lo intentará de nuevo cada minuto.',
    h('button', {type: 'button', class: 'button', onclick: () => show({renew: true, arrived: true})}, 'Reintentar ahora'),
    h('a', {href: 'datos/resultados.html'}, 'Véalos en una página más sencilla.')];
}

// One tab for each office, before that of the data base; `view` is the shown one.
function tabs(view) {
  const list = document.querySelector('.tabs ul');
  const link = key => list.querySelector(`[href="#/${key}"]`);
  for (const {clave: key, corto: name} of head.elecciones) {
    if (!link(key)) list.lastElementChild.before(h('li', {}, h('a', {href: `#/${key}`}, name)));
  }
  list.querySelector('[aria-current]')?.removeAttribute('aria-current');
  link(view).setAttribute('aria-current', 'page');
}

// Date, time and age of the corte, on every view.
function showCorte() {
  showLabels(head);
  setText('tag', label() ?? '');
  setText('process', `${head.eleccion.nombre}. Jornada electoral del ${day(head.eleccion.jornada)}.`);
  byId('corte').dateTime = head.corte;
  setText('time', time(head.corte));
  setText('corte', date(head.corte));
  // after the close the one that was to follow has not come, or comes in a moment: no final corte, and none to promise
  setText('next', head.hora + (head.siguiente ? closed() ? '' : ` · Siguiente ${time(head.siguiente)}` : isLast() ? ' · Corte final' : ''));
  setText('age', ago(age()));
}

// The corte, and what has to be said of it now.
function masthead() {
  showEnvironment(status, head);
  document.querySelector('#finder button').disabled = !head; // nor does a field send what is typed
  if (head) showCorte();
  else if (waits() || isMessage()) for (const id of ['time', 'corte', 'next', 'age']) setText(id, '');
  const text = warning();
  byId('warning').hidden = !text;
  setText('warning', text);
  document.documentElement.style.setProperty('--kept', `${document.querySelector('.corte').offsetHeight}px`);
}

// What the corte, or its mirror alone, has to be called first of all.
const label = () => head && labels(head)[0];
const withdrawn = () => status?.standing?.withdrawn ?? [];
// Whether there is nothing to show: no corte has come yet, or every one was withdrawn.
const waits = () => status && !status.shown && (withdrawn().length > 0 || status.gate.state === 'open');
// Whether no later corte was withdrawn; the one on this page may be newer than the status.
const isLast = () => !withdrawn().some(one => one.sequence > Math.max(status.shown?.sequence, head.secuencia));
const closed = () => ['closed', 'retired'].includes(status?.gate.state);
// What is said where this mirror publishes nothing any more, as its notices say it.
const end = () => ({
  retired: ['La difusión de resultados terminó', 'Consulte los resultados en el sitio del Instituto.'],
  revoked: ['Este sitio ya no es difusor oficial',
    'El Instituto lo retiró de la lista de difusores oficiales y aquí ya no se publican resultados. Consúltelos en el sitio del Instituto o en los demás difusores de la lista oficial.'],
})[status?.gate.state];
// Whether a message stands in the place of results.
const isMessage = () => document.querySelector('.message');
// Whether the publication ended since the status was read, or may have where it never was.
const isOver = () => status ? !closed() && now(head?.corte) > Date.parse(status.gate.closes) : !head.siguiente;

const age = () => now(head.corte) - Date.parse(head.corte);

function warning() {
  if (!head || isMessage()) return '';
  const shown = `Se muestra el corte de las ${time(head.corte)}`;
  const unsure = `No se pudo comprobar si hay un corte más reciente. ${shown}.`;
  const order = !isLast() ? 'Por orden del Instituto se retiró un corte posterior.'
    : isShown() && status.shown.orders?.includes('rectification') ? 'Por orden del Instituto, este corte rectifica al anterior.' : '';
  if (end()) return end().join('. ');
  if (isBack()) return `El corte de las ${time(head.corte)} ya no es el que publica este sitio; en un minuto se comprobará de nuevo.`;
  if (missed) return `Hay un corte más reciente que no se pudo mostrar. ${shown}.`;
  const hold = status?.gate.hold && !(head.secuencia > status.shown?.sequence); // what follows ends it
  if (closed()) {
    const {closes} = status.gate;
    // a close that was moved earlier, or an order of the institute, leaves out what would have followed
    const isMissing = isLast() && !hold && Date.parse(head.siguiente) <= Date.parse(closes);
    const results = status.shown?.sequence > head.secuencia ? unsure : isMissing ? `${shown}; el de las ${time(head.siguiente)} no ha llegado a este sitio.` : 'Estos son los últimos resultados preliminares.';
    return `La difusión cerró el ${date(closes)} a las ${time(closes)}. ${results} ${order}`.trim();
  }
  if (hold) return `El Instituto puso en pausa la actualización. ${shown}.`;
  if (!isLast()) return `${order} ${shown}.`;
  // two intervals late, by a server that has none: a phone that slept, or is offline, knows of no fault of the site
  const isStale = head.siguiente && age() > 2000 * head.intervalo_segundos && Date.now() - confirmed < 2 * LOOK;
  // without the age, for which a screen reader would tell it every minute
  if (isStale) return `Última actualización: ${time(head.corte)}; debió llegar otra a las ${time(head.siguiente)}. Consulte también otro difusor oficial.`;
  return order || (unreachable ? unsure : '');
}

// Leads to the section, or to the territory with that name, of the office that is shown; or to those of which it may be one.
async function find(event) {
  event.preventDefault();
  const wanted = byId('anywhere').value.trim();
  if (!wanted) return;
  const turn = ++seeking;
  setText('found', 'Buscando…');
  const isSection = /^\d+$/.test(wanted);
  try {
    const choose = one => officeOf(route().view, one) ?? one.elecciones[0];
    const office = choose(head);
    const page = pages.get(office.clave) ?? (await load(choose)).page;
    const {uno: kind, varios: kinds} = page.division;
    const ids = isSection
      ? [(await readSections())[office.clave]?.[Number(wanted)]]
      : called(page.territorios, wanted).map(one => one.id);
    if (turn !== seeking) return;
    if (ids[0] === undefined) setText('found', `No hay ${isSection ? 'sección' : kind} «${wanted}».`);
    else if (ids.length === 1) go(`#/${office.clave}/${ids[0]}`, isSection && {section: wanted, open: true});
    else go(`#/${office.clave}`, {search: wanted, told: `${ids.length} ${kinds} llevan «${wanted}» en el nombre; elija en la lista.`});
  } catch (error) {
    console.error(error);
    if (turn === seeking) setText('found', 'No se pudo buscar; inténtelo de nuevo.');
  }
}

// The only one that is called so, or that has these words, or one that begins so; or else all whose name contains it.
function called(territories, wanted) {
  const words = plain(wanted);
  const having = part => territories.filter(one => words && `| ${plain(one.nombre)} |`.includes(part));
  return [`| ${words} |`, ` ${words} `, ` ${words}`].map(having).find(found => found.length === 1) ?? having(words);
}

function go(view, found) {
  sought = found;
  const {hash} = location;
  location.hash = view;
  if (location.hash === hash) dispatchEvent(new Event('hashchange'));
}

// Reads the mirror's status for the masthead; results are shown without it, too.
async function ask() {
  const turn = ++asked;
  const found = await readStatus().catch(() => null);
  if (found && turn > told) [status, told] = [found, turn]; // what was said holds until something else is said
  const before = label();
  showEnvironment(status, head);
  if (label() !== before) show(); // the title, and what is cited, say it too
  if ((!head || isMessage()) && (waits() || end())) fail();
  const gone = isGone();
  if (found && (gone || (isBack() && Date.now() - former.since > 2.5 * LOOK))) {
    // show what this mirror shows now, even if it is an older corte
    forgotten = gone?.at ?? forgotten;
    head = former = null;
    pages.clear();
    await show({renew: true});
  }
  masthead();
}

// Whether the next corte is overdue; the status says why.
const isLate = () => head?.siguiente && now(head.corte) > Date.parse(head.siguiente) + LOOK;

// Whether the corte on this page was withdrawn. A corrected one may have its number and instant: that counts once.
function isGone() {
  const gone = head && withdrawn().find(one => isOf(one, head));
  return gone && (gone.at !== forgotten || status.shown?.sequence !== Number(head.secuencia)) && gone;
}

// Whether the mirror itself says that it shows an older corte than this page: whoever signed that may have been disowned.
// Another server behind the same name may only be late, so this has to be so at four looks.
const isBack = () => head && former && isOf(status?.shown, former);

// Whether an entry of the status names the corte of a head.
const isOf = (one, {secuencia: number, corte}) => one?.sequence === Number(number) && Date.parse(one.corte) === Date.parse(corte);

// Whether the status is of the corte on this page: one that was asked for before or after says nothing of it.
const isShown = () => isOf(status?.shown, head);

// Looks for a new corte; mostly that costs one small answer, 304.
async function look() {
  if (document.hidden || (!head && !unreachable)) return; // the tab is hidden, or the first load is still under way
  const began = Date.now();
  let isSame = false;
  try {
    const latest = await readHead();
    isSame = head && JSON.stringify(latest) === JSON.stringify(head);
    former = head && isNewer(head, latest) ? {...latest, since: former?.since ?? Date.now()} : null;
    if (!head || isMessage() || isNewer(latest, head)) await show({renew: true});
    else {
      unreachable = !latest.corte;
      missed = false;
      if (!unreachable) confirmed = Date.now();
    }
  } catch {
    unreachable = unreachable || confirmed < began; // one that began later may have been answered
  }
  if (isSame && isShown() && !isLate() && !isOver()) masthead();
  else await ask();
}

addEventListener('hashchange', () => {
  if (location.hash && !location.hash.startsWith('#/')) return; // a jump within the page
  visit = {...freshVisit(), ...sought};
  sought = {};
  seeking++;
  setText('found', visit.told);
  show({arrived: true});
});
byId('finder').addEventListener('submit', find);
document.addEventListener('visibilitychange', look);
addEventListener('online', look);
setInterval(masthead, 10_000);
// Each visitor looks at a moment drawn by lot, so a new corte is asked for over a minute.
setTimeout(() => { look(); setInterval(look, LOOK); }, LOOK * Math.random());

show();
ask();
