// What no page may leave out: that a corte is of a rehearsal, or that its data are invented.

import {setText} from './dom.js';

let environment; // of the mirror, as its status says

// A rehearsal that the corte, or the mirror alone, says it is.
export const labels = head => [(head.simulacro || environment === 'simulacro') && 'Simulacro', head.datos_sinteticos && 'Datos sintéticos'].filter(Boolean);

export function showLabels(head) {
  const found = labels(head);
  const {classList} = document.body;
  // where a search engine or a tab shows nothing else
  if (found[0] && !classList.contains('rehearsal')) document.title = `${found[0].toUpperCase()} · ${document.title}`;
  classList.toggle('rehearsal', found.length > 0);
  setText('notice', found.length ? found.join(' · ') : 'Resultados preliminares');
}

// What the mirror's status knows of it, also where there is no corte.
export function showEnvironment(status, head) {
  environment = status?.environment ?? environment;
  if (environment) showLabels(head ?? {});
}
