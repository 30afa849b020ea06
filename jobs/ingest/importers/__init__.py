"""Importers: public data sets turned into landing folders, in exactly the form that the contract asks for."""
