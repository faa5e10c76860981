"""Notices to people: in the inbox, by e-mail, and by whatever other channel has a sender."""
