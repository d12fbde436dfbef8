"""Training of networks: what every training needs. `embedding`, `segmentation` and `activity` are the kinds."""
