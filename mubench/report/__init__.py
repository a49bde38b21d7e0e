"""Tables, figures and the page: functions of the records alone. No torch, no Ray."""
