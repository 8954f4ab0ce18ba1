// What no page may leave out: that a corte is of a rehearsal, or that its data are invented.

import {setText} from './dom.js';

export const labels = head => [head.simulacro && 'Simulacro', head.datos_sinteticos && 'Datos sintéticos'].filter(Boolean);

export function showLabels(head) {
  const found = labels(head);
  document.body.classList.toggle('rehearsal', found.length > 0);
  setText('notice', found.length ? found.join(' · ') : 'Resultados preliminares');
}
