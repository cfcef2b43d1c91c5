"""What `rlx doctor` looks at: small checks of the installation, the project, its state and its cache, each with a cure."""
