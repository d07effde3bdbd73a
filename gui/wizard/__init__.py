"""The enrolment wizard: from a person's details to templates in the gallery."""
