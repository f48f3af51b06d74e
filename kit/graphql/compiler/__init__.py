"""Compiles a query to one SQL statement, which returns the JSON text of the response.

``document_signature`` normalizes documents, ``selection`` collects the fields, ``sql_writer``
writes the statement, ``plans`` caches it. A field that is no column, relation, list or expression
isn't compiled; the executor resolves it instead.
"""
