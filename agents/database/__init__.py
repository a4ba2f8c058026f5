"""Running the few statements of the token path as cheaply as the database allows, and what is asked still as querysets."""
