"""Questions of trust: is every route RPKI-valid, also in an emergency, and what would a hijack take?"""
