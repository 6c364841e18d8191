#!/bin/bash
# Looks as if it handled USR1, and dies of it: for the sake of its EXIT trap bash catches every signal that ends it.
trap 'echo gone' EXIT
echo begun
while [ "$SECONDS" -lt 600 ]; do sleep 1; done
