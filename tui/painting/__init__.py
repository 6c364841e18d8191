"""One place under all widgets through which everything painted passes: only cells that differ are written.

Textual rewrites a widget's whole line when one character of it changed, which over a bad link is the difference between
usable and not. Here the compositor's updates are taken as segments, before they become ANSI, laid out as cells and
compared with the cells the terminal is known to show.

Why between compositor and driver, in an override of `App._display`, and not in one of the two:
- All of Textual's painting goes through that method, full and partial, of every screen and of every dialog.
- An update holds strips with positions and styles. Behind it, at the driver, there is only ANSI, which would have to be
  parsed by a terminal emulator in Python at every key; before it, in the widgets, nobody knows what is covered.
- Nothing of Textual is replaced or patched: without the override, or with `--no-diff`, its own code runs.
The price is three names of Textual that are not public (`App._display`, `LayoutUpdate`, `ChopsUpdate`); it is pinned.

`pens` and `cells` say what a segment puts on the terminal, `row` holds a line of cells wanted and written, `pencil`
writes changes in few bytes, and `painter` has the rows. `terminal_driver` knows how much the terminal has taken, `pace`
when the next piece may be written, and `painted_app` ties them to an app.
"""
