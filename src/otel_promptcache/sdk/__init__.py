"""The only package that imports the SDKs."""
