// Says which place it is, and whether this is a rehearsal.

import {readHead} from './data.js';
import {showPlace} from './place.js';
import {showLabels} from './rehearsal.js';

readHead().then(head => { showLabels(head); showPlace(head); }, console.error);
