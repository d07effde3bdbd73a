"""The Qt windows: kiosk, enrolment wizard, desk."""
