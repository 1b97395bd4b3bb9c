"""The rules by which keys are decided: pure functions of what was measured, by what they are about."""
