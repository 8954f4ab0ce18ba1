// Says which place it is, and whether this is a rehearsal.

import {introduce} from './place.js';

introduce();
