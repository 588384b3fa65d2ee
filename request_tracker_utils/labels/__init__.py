"""Labels: formats as data, codes drawn on whole printer dots, the pages that print them, and the history of prints and scans."""
