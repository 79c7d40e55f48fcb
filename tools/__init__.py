"""Programs that keep the project in order; nothing here is shipped."""
