"""Networks trained: what every training needs. `embedding` and `activity` are the two kinds."""
