"""Imports and exports of students and devices, and the rollover to a new school year."""
