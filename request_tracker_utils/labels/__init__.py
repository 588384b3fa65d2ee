"""Labels: formats as data, codes drawn on whole printer dots, and the pages that print them."""
