"""The only package that handles the objects of the SDKs."""
