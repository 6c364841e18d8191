#!/bin/bash
# Handles no signal: USR1 kills it. Ends by itself after ten minutes.
echo begun
exec sleep 600
