"""A grammar of short English stories: engine, words, characters and plots."""
