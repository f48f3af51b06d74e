"""Reads as one statement: a selection becomes SQL that returns the JSON text of its answer.

``documents`` parses, ``selection`` plans, ``sql`` writes, ``plans`` keeps and runs. What is no
column, relation, list or expression is not compiled, and is answered field by field.
"""
