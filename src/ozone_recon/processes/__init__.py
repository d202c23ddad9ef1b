"""Child processes: started, talked to, watched and replaced in one way."""
