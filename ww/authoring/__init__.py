"""For the author of an image: a directory to start from, what is wrong with one, and what `ww run` would do with it.

It reads the image's files by the very functions that `ww run` uses, so that both say the same. It may not start an
instance, run a hook, open a socket or write anything but what `ww init` makes; it knows no command line.
"""
