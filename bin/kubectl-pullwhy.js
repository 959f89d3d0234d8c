#!/usr/bin/env node
// The same executable as kubectl's plugin: `kubectl pullwhy POD`. It knows by the name that it was called by.
import './pullwhy.js';
