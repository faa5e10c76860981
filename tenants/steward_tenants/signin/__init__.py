"""Sign-in: passwords, second factor, invitations, sessions."""
