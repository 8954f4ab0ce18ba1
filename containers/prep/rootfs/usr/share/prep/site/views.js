// The results of an election: everywhere, or in one territory.

import {fill, h, heading, proper, section} from './dom.js';
import {date, link, number, percent, plain, time} from './format.js';
import {loadDetail} from './data.js';
import {labels} from './rehearsal.js';

// `state`: what the visitor did in the view.
export function electionView(head, page, territory, state) {
  const {eleccion: election} = head;
  const shown = territory ?? page;
  return [
    heading(territory ? h('a', {href: `#/${page.clave}`}, `‹ ${page.corto}`) : election.ambito,
      territory ? proper('span', territory.nombre) : page.corto,
      chooser(election, page, territory)),
    h('div', {class: 'columns'},
      progress(shown.totales),
      section('candidacies', null, 'Votos por candidatura', bars(page, shown)),
      section('parties', null, 'Votos por partido político y combinación',
        partyTable(page, shown, territory?.nombre ?? election.entidad)),
      counts(shown.totales)),
    territory ? actas(territory, state) : territoryList(page, state),
    !territory && night(page, state),
    citation(head, page, territory),
  ];
}

function chooser(election, page, territory) {
  return h('div', {class: 'field'},
    h('label', {for: 'territory'}, page.division.elija),
    h('select', {id: 'territory', onchange: event => { location.hash = `#/${page.clave}${event.target.value}`; }},
      h('option', {value: ''}, `${election.todo} (${page.territorios.length} ${page.division.varios})`),
      page.territorios.map(one =>
        proper('option', one.nombre, {value: `/${one.id}`, selected: one === territory}))));
}

// How the visitor tells somebody what he sees: which corte, and where.
function citation(head, page, territory) {
  const {eleccion: election} = head;
  const what = [`PREP ${election.entidad} ${election.jornada.slice(0, 4)}`, page.corto, territory?.nombre].filter(Boolean).join(', ');
  const text = `${[...labels(head), what].join('. ')}. Corte de las ${time(head.corte)} del ${date(head.corte)}, ${head.hora}; resultados preliminares.`;
  const url = `${location.href.split('#')[0]}#/${page.clave}${territory ? `/${territory.id}` : ''}`;
  const said = h('p', {role: 'status'});
  const copy = () => navigator.clipboard.writeText(`${text} ${url}`).then(() => { said.textContent = 'Copiado.'; });
  const share = async () => {
    try {
      if (!navigator.share) await copy();
      else await navigator.share({title: document.title, text, url}).catch(error => error.name === 'AbortError' || copy());
    } catch {
      said.textContent = 'No se pudo copiar: seleccione el texto de arriba.';
    }
  };
  return section('citation', 'citation', 'Cite o comparta',
    h('p', {class: 'detail'}, text),
    h('button', {type: 'button', class: 'button', onclick: share}, navigator.share ? 'Compartir' : 'Copiar con el enlace'), said);
}

// An institute that makes JSON of the rows of a table writes numbers as text.
const ranked = results => results.map(one => ({...one, votos: Number(one.votos)})).sort((a, b) => b.votos - a.votos);

// What the ballot says of a candidacy, or else only its key.
const named = ({candidaturas}, key) => candidaturas.find(one => one.clave === key) ?? {nombre: key, columnas: []};

const none = text => h('p', {class: 'empty'}, text);

// By candidacy, in how many territories it has the most votes; in a tie nobody has.
function leads(page) {
  const found = new Map();
  for (const {candidaturas} of page.territorios) {
    const [first = {}, second = {}] = ranked(candidaturas);
    if (first.votos && first.votos !== second.votos) found.set(first.clave, (found.get(first.clave) ?? 0) + 1);
  }
  return found;
}

function bars(page, shown) {
  const {boleta: ballot, territorios: territories} = page;
  const led = shown === page && territories.length > 1 && leads(page);
  if (!shown.candidaturas.length) return none('Aquí no hay candidaturas.');
  return h('ol', {class: 'bars'}, ranked(shown.candidaturas).map(result => {
    const candidacy = named(ballot, result.clave);
    const parties = candidacy.columnas.filter(column => ballot.columnas[column]);
    return h('li', {'--color': candidacy.color, '--share': `${result.porcentaje}%`},
      proper('p', candidacy.nombre, {class: 'name'}),
      h('p', {class: 'votes'}, number(result.votos), ' votos'),
      h('p', {class: 'share'}, percent(result.porcentaje)),
      h('div', {class: 'bar', 'aria-hidden': 'true'}),
      h('p', {class: 'parties'}, parties.map(party =>
        proper('span', party, {'--color': ballot.columnas[party].color}))),
      led && led.has(result.clave) && h('p', {class: 'led'}, `La más votada en ${led.get(result.clave)} de ${territories.length} ${page.division.varios}`));
  }));
}

function progress(totals) {
  return section('progress', 'progress', 'Avance',
    h('p', {class: 'figure'}, h('b', {}, percent(totals.actas_capturadas_porcentaje)), ' de actas capturadas'),
    h('p', {class: 'figure participation'}, h('b', {}, percent(totals.participacion)), ' de participación ciudadana'),
    h('div', {class: 'bar', '--share': `${totals.actas_capturadas_porcentaje}%`, 'aria-hidden': 'true'}),
    h('p', {class: 'detail'}, `${number(totals.actas_capturadas)} actas capturadas de ${number(totals.actas_esperadas)} esperadas`));
}

function counts(totals) {
  return section('counts', 'counts', 'Actas y votos',
    h('dl', {},
      ['esperadas', 'capturadas', 'contabilizadas', 'no contabilizadas'].map(kind =>
        row(`Actas ${kind}`, totals[`actas_${kind.replace(' ', '_')}`])),
      row('Lista nominal de las actas contabilizadas', totals.lista_nominal),
      row('Total de votos', totals.votos)));
}

const line = (name, count, share) => h('tr', {}, h('th', {scope: 'row'}, name), h('td', {}, number(count)), h('td', {}, percent(share)));

const row = (term, count) => h('div', {}, h('dt', {}, term), h('dd', {}, number(count)));

function partyTable(page, shown, place) {
  const {columnas: columns} = page.boleta;
  const all = Number(shown.totales.votos);
  return table('', `${page.corto}, ${place}: votos por partido político y combinación`,
    [column('Partido o combinación'), column('Votos'), column('Porcentaje')],
    shown.columnas.map(result => line(columnName(columns, result.clave), result.votos, result.porcentaje)),
    h('tfoot', {}, line('Total', all, all ? '100.0000' : '0.0000')));
}

// A table of numbers; `style`: its class besides.
const table = (style, caption, columns, rows, foot) => h('table', {class: `numbers ${style}`},
  h('caption', {class: style === 'actas' ? '' : 'hidden'}, caption),
  h('thead', {}, h('tr', {}, columns)),
  h('tbody', {}, rows),
  foot);

const column = (title, style) => h('th', {scope: 'col', class: style}, title);

// A column is a party, or a combination of parties written with underscores.
function columnName(columns, key) {
  const known = columns[key];
  const colors = known ? [known.color] : key.split('_').map(party => columns[party]?.color);
  const swatches = colors.filter(Boolean).map(swatch);
  return h('span', {class: swatches.length ? 'key' : 'key plain'}, swatches, h('span', {}, known?.nombre ?? key.replace(/_/g, ' · ')));
}

const swatch = color => h('span', {class: 'swatch', '--color': color, 'aria-hidden': 'true'});

function territoryList(page, state) {
  const {uno: kind} = page.division;
  const empty = none('Ningún nombre coincide con la búsqueda.');
  const rows = page.territorios.map(one => {
    const [first = {}, second = {}] = ranked(one.candidaturas);
    const tie = first.votos === second.votos; // with a single candidacy there is no tie
    const leader = named(page.boleta, first.clave);
    return h('tr', {'data-name': plain(one.nombre)},
      h('th', {scope: 'row'}, proper('a', one.nombre, {href: `#/${page.clave}/${one.id}`})),
      h('td', {class: 'text'}, !first.votos ? 'Sin votos' : tie ? 'Empate' : h('span', {class: 'key'}, swatch(leader.color), proper('span', leader.nombre))),
      h('td', {}, first.votos ? percent(first.porcentaje) : '–'),
      h('td', {}, `${number(one.totales.actas_capturadas)} de ${number(one.totales.actas_esperadas)}`));
  });
  const input = filter(rows, empty, state, 'search', (name, wanted) => name.includes(plain(wanted)));
  return h('section', {'aria-labelledby': 'territories'},
    h('div', {class: 'heading'},
      h('h2', {id: 'territories', tabindex: -1}, `Resultados por ${kind}`),
      h('div', {class: 'field'}, h('label', {for: 'search'}, `Buscar ${kind}`), input)),
    table('territories', `${page.corto}: candidatura con más votos y avance de cada ${kind}`,
      [column(kind, 'capital'), column('Candidatura con más votos', 'text'), column('Porcentaje'), column('Actas capturadas')],
      rows),
    empty);
}

const actas = (territory, state) => folded('Actas por casilla', 'open', territory, state,
  detail => actaTable(territory, detail, state));

// How many actas each corte of the night had, the latest first.
function night(page, state) {
  const source = {detalle: {archivo: 'datos/noche.json', corte: page.corte}};
  return folded('La noche, corte por corte', 'night', source, state, ({cortes: instants, cargos: offices}) => {
    const {actas_capturadas: captured, porcentaje: shares} = offices[page.clave];
    const rows = instants.map((instant, at) => line(time(instant), captured[at], shares[at]));
    return [table('', `${page.corto}: actas capturadas en cada corte`,
      [column('Corte'), column('Actas capturadas'), column('De las esperadas')],
      rows.reverse())];
  });
}

// A part that is read when the visitor opens it; `key`: its name in the state.
function folded(title, key, source, state, build) {
  const body = h('div');
  const announced = `${source.detalle.archivo} ${source.detalle.corte}`;
  let asked = false;
  const read = async () => {
    asked = true;
    if (!state.detail) fill(body, h('p', {role: 'status'}, 'Cargando…'));
    body.setAttribute('aria-busy', true);
    try {
      const detail = await loadDetail(source);
      if (detail) return fill(body, ...build(state.detail = detail));
      if (state.renewed !== announced) {
        state.renewed = announced; // once: a cache may keep what announces it
        await state.refresh();
      }
      if (body.isConnected) throw Error('Es de un corte posterior');
    } catch {
      state.detail = null;
      fill(body, h('p', {role: 'status'}, 'No fue posible cargarlo. '), h('button', {type: 'button', onclick: read}, 'Reintentar'));
    } finally {
      body.removeAttribute('aria-busy');
    }
  };
  const details = h('details', {ontoggle: event => {
    state[key] = event.target.open;
    if (state[key] && !asked) read();
  }}, h('summary', {}, h('h2', {}, title)), body);
  if (state[key] && state.detail) fill(body, ...build(state.detail)); // until that of a new corte is there
  details.open = state[key];
  return h('section', {}, details);
}

// `images`: the file with the image of each acta, where the corte has any.
function actaTable(territory, {actas: all, imagenes: images}, state) {
  if (!all.length) return [none('Todavía no hay actas registradas.')];
  const columns = territory.columnas.map(one => one.clave);
  const rows = all.map((acta, at) => h('tr', {'data-name': acta.SECCION},
    h('th', {scope: 'row'}, acta.SECCION),
    h('td', {class: 'text'}, acta.CASILLA),
    images && h('td', {class: 'text'}, images[at] && h('a', {href: link(images[at]), target: '_blank', 'aria-label': `Imagen del acta de la sección ${acta.SECCION}, ${acta.CASILLA}`}, 'Ver')),
    columns.map(key => h('td', {}, acta[key])),
    h('td', {}, acta.TOTAL_VOTOS_CALCULADO),
    h('td', {}, acta.LISTA_NOMINAL),
    h('td', {class: 'text'}, !Number(acta.CONTABILIZADA) && 'No contabilizada. ', acta.OBSERVACIONES)));
  const empty = none('No hay actas registradas de esa sección.');
  const input = filter(rows, empty, state, 'section', (name, wanted) => !wanted || Number(name) === Number(wanted));
  return [
    h('div', {class: 'field'}, h('label', {for: 'section'}, 'Sección (está en su credencial para votar)'), input),
    h('div', {class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Tabla de actas; se desplaza a los lados'},
      table('actas', `${number(all.length)} actas registradas, ${territory.nombre}`,
        [column('Sección'), column('Casilla', 'text'), images && column('Imagen', 'text'), columns.map(key => column(key.replace(/_/g, ' '))),
          column('Total'), column('Lista nominal'), column('Observaciones', 'text')],
        rows)),
    empty,
  ];
}

// A search field over table rows; the state keeps what is typed under its id.
function filter(rows, empty, state, id, matches) {
  const apply = () => {
    state[id] = input.value;
    for (const one of rows) one.hidden = !matches(one.dataset.name, input.value.trim());
    empty.hidden = rows.some(one => !one.hidden);
  };
  const input = h('input', {id, type: 'search', autocomplete: 'off', oninput: apply});
  input.value = state[id];
  apply();
  return input;
}
