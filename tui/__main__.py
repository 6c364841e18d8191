"""`python -m crashcart.tui` is `crashcart`."""

from __future__ import annotations

import sys

from crashcart.tui.cli import main

sys.exit(main())
