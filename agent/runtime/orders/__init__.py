"""What is done about commands: `orders` takes them, `actions` names what each one does."""
