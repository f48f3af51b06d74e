"""Who may do what: roles and their grants, rules about one's own, and how a field asks."""
