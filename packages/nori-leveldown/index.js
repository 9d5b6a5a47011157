'use strict';

// The module is the function, as of leveldown: this one is called by `require`.
module.exports = require('nori-lsm/leveldown').leveldown;
