#!/usr/bin/env node
// What kubectl runs to complete `kubectl pullwhy …` in a shell. It knows by the name that it was called by.
import './pullwhy.js';
