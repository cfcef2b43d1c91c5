"""The stages of the pipeline in dvc.yaml. They are yours: read them, change them."""
