"""The desk: the institute's home, its elections, and the inventories of its partners, from typed values or from a form.

Such values are data: checked one by one, quoted where they are written, and refused when Ansible could take them for a
template.
"""
