// Loads a page again whose script did not arrive, as on a phone that changed networks meanwhile: without it, the page would
// stay as empty as it came. A reload without an answer would leave the browser's own error page, so the server is asked
// before, and only while somebody looks.
'use strict';

const LONGEST = 60_000; // milliseconds for an answer, and to the next try on average; the first comes soon, but after one that was in vain

const rest = pause => new Promise(done => { setTimeout(done, pause); });
// Until somebody comes back to the page, or leaves it, or there is a network again.
const change = () => new Promise(done => {
  document.addEventListener('visibilitychange', done, {once: true});
  addEventListener('online', done, {once: true});
});

addEventListener('error', async ({target}) => {
  if (target.tagName !== 'SCRIPT') return;
  for (let pause = performance.navigation.type === 1 ? LONGEST : 5_000; ; pause = Math.min(2 * pause, LONGEST)) {
    do await Promise.race([rest(pause * (0.5 + Math.random())), change()]); while (document.hidden);
    const head = fetch(location.href, {method: 'HEAD', cache: 'no-store'});
    const {status = 0} = await Promise.race([head, rest(LONGEST)]).catch(() => 0) || 0;
    // any page will do, and that which waits (503), but no notice that would stay: of too many visitors, or of a failure
    if (status && status !== 429 && (status < 500 || status === 503)) {
      location.reload();
      await rest(LONGEST); // where the load is stopped, this page stays
    }
  }
}, true); // elsewhere an element's error is not heard
