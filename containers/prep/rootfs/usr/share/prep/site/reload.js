// Loads a page again whose script did not arrive, as on a phone that changed networks meanwhile: without it, the page would
// stay as empty as it came. A reload without an answer would leave the browser's own error page, so the server is asked
// before, and only while somebody looks.
'use strict';

const LONGEST = 60_000; // milliseconds to the next try, on average; the first comes soon, but after one that was in vain

addEventListener('error', ({target}) => {
  if (target.tagName === 'SCRIPT') reload(performance.navigation.type === 1 ? LONGEST : 5_000);
}, true); // elsewhere an element's error is not heard

function reload(pause) {
  setTimeout(async () => {
    const {ok} = !document.hidden && await fetch(location.href, {method: 'HEAD', cache: 'no-store'}).catch(() => false);
    if (ok) location.reload();
    else reload(Math.min(2 * pause, LONGEST));
  }, pause * (0.5 + Math.random()));
}
