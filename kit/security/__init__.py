"""Who calls, what secrets prove, and how often something may be done."""
