"""What is done about commands: `executor` takes them, `actions` names what each one does."""
