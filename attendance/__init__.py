"""The domain of Clockface: types, kiosk policy, clocking rules, ports, configuration, errors."""
