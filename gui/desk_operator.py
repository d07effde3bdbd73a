"""Who the audit trail names for what is done in the desk and the wizard."""

OPERATOR = "desk"
