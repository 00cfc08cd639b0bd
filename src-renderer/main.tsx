import { createRoot } from 'react-dom/client';
import { LabScreen } from './screens/lab-screen.tsx';
import './theme/theme.css';

const page = document.getElementById('page');
if (page) createRoot(page).render(<LabScreen />);
