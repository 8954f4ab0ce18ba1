"""Makes what an institute begins with: its home, elections, and the inventories of its partners, from typed values.

Typed values are data: checked one by one, quoted where they are written, and refused when Ansible could take them for a
template.
"""
