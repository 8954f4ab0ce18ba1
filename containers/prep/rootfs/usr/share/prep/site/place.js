// What the corte says of its place: how its clocks go, and the institute's name and colours.

import {byId, setText} from './dom.js';
import {readHead, readStatus} from './data.js';
import {link, setOffset} from './format.js';
import {showEnvironment, showLabels} from './rehearsal.js';

export function showPlace({minutos_utc: minutes, eleccion: election}) {
  setOffset(minutes);
  setText('place', `${election.entidad} ${election.jornada.slice(0, 4)}`);
  setText('institute', election.instituto);
  const picture = byId('logo');
  if (picture && election.logo) Object.assign(picture, {src: link(election.logo), alt: election.instituto, hidden: false});
  // each has the name of the style's own variable
  for (const [name, color] of Object.entries(election.colores)) document.documentElement.style.setProperty(`--${name}`, color);
  document.querySelector('meta[name="theme-color"]').content = election.colores.franja;
}

// What a page without results says of the corte, and then of the mirror.
export const introduce = () => readHead().then(head => { showLabels(head); showPlace(head); return head; }).catch(console.error)
  .then(head => { readStatus().then(status => showEnvironment(status, head)).catch(console.error); });
