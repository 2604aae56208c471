"""`make bench`: hubdump and extractors nobody here wrote, in turn on the same sandbox portals."""
