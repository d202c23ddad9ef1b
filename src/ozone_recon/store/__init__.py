"""Our state: immutable columnar generations, built aside and swapped in whole."""
